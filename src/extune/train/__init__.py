"""Supervised fine-tuning: `run.train` makes an adapter of prompt-completion rows and a base."""
