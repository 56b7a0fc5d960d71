import Testing

/// Tests that drive the installed programs. They run one after another: each looks at the whole host for leftovers.
@Suite(.serialized, .cleanHost) struct EndToEnd {}
