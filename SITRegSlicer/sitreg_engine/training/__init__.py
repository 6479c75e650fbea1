"""Training of the registry's models: `sitreg train CONFIG.toml`, `sitreg export RUN -o FOLDER`.

A step from its number to the new weights: table -> subjects -> poses -> sampler (augment) -> network -> losses -> loop.
Everything random is drawn from (seed, step), so that a run that was interrupted goes on as if it had not been.
"""
