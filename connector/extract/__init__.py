"""HIS to chunks: read-only, incremental, in bounded memory."""
