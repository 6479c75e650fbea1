"""SITReg: multi-resolution, symmetric, inverse consistent, topology preserving (Honkamaa & Marttinen, MELBA 2024).

Read in this order: splines, bounds, anderson, inversion (the mathematics), then network, checkpoint, verify.
"""
