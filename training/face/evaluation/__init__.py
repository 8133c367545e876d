"""Evaluation of the shipped model: metrics, plots and an unseen voice."""
