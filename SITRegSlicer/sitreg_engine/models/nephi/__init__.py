"""NePhi: neural deformation fields. `model.py` is what a user chooses, `network.py` what is trained."""
