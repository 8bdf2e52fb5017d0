module sluice/audit/verify

go 1.26.0

// Before the version that fixed it, TileHashReader left some full tiles unauthenticated.
require golang.org/x/mod v0.42.0
