//! The controller's decisions: requests and an image in, metadata records and a response out.
