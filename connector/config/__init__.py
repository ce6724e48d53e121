"""YAML files to frozen values, checked against the contract."""
