"""How good a result is: numbers with a name, a description and a unit. One file per family of measures."""
