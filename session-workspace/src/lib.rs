//! Private copies of the user's projects: copying, git repositories of their own, and what must be kept.
