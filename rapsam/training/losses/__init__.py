"""Losses of a batch, and the network with its losses as one module (`network`).

`object_loss` (with `matcher`) and `prompt_loss` are the published ones, `mask_losses` what they share;
`auxiliary` and `distillation` are for recipes that ask for them; `lessons` (with `embedding`) for networks
that answer points on an image embedding.
"""
