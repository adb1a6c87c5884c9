"""What an MLflow tracking server must do, as checks by name. A group is a module; a check is a function of a Server."""
