"""Inference: own decoders for the Llama family and for BERT encoders, stepped by their caller."""
