"""The family of Segment Anything: SAM, MobileSAM, RepViT-SAM, EdgeSAM; one decoder, an encoder each."""
