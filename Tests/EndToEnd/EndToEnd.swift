import Testing

/// Tests that drive the installed programs. One after another: each looks at the whole host for what was left behind.
@Suite(.serialized, .cleanHost) struct EndToEnd {}
