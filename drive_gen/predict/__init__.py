"""Where cars will be: learnt forecasts of a car's path, their floors, and the smoothing of noisy tracks."""
