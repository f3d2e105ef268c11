//! Record batches: Kafka's format of records on the wire and on disk, with compression.
