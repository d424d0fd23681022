"""The simulator's worlds on a GPU: CudaSimulator in simulator.py; docs/design.md says how."""
