"""The world: roads, episodes, kinematics, what a driver sees and is paid for. No torch in here."""
