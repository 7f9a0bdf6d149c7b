-- Which server of a cluster has a region, and until when it has said so.

ALTER TABLE regions ADD COLUMN owner_node TEXT;                         -- the server's name; NULL: a server that is alone
ALTER TABLE regions ADD COLUMN owner_address TEXT;                      -- "host:port" of its gRPC
ALTER TABLE regions ADD COLUMN owned_until_ms INTEGER CHECK (owned_until_ms >= 0);
