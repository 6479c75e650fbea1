"""DDR-Net: a large deformation in parts and as a whole (Joshi & Hong, "Dividing and Downsampling Mixed
Network", arXiv 2021; no code was published).

Read in this order: exponential and chunks (the mathematics), then branch, registration, network.
"""
