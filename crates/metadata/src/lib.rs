//! The cluster's metadata image and its deltas, built from Kafka's metadata records.
