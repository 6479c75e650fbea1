"""S-Net: one half-way displacement in opposite directions (Sui, Zheng, He & Jia, J. Healthcare Engineering 2021).

A U-Net looks at the template (image 2), the subject (image 1) and their difference, and predicts u: the template is
seen from the half-way space by id + u and the subject by id - u. Read in this order: contraction, network, model.
"""
