"""A declarative connector between a hospital's database and the work-injury insurance platform."""
