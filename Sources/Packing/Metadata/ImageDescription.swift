import Linux

/// What an image says about itself: its definition, or a generated stand-in for one.
package struct ImageDescription: Sendable {
    /// The definition as it is recorded in the image.
    package var definition: [UInt8]
    /// The `Key: value` lines of its header, keys in lower case; empty when the image was not made by it.
    package var header: [ImageLabel] = []
    /// Whether somebody wrote the definition; otherwise it only says which image is converted.
    package var isWritten = false
    package var labels: [ImageLabel] = []
    package var help: ImageScript?
    package var environment: ImageScript?
    package var runscript: ImageScript?
    package var startscript: ImageScript?
    package var test: ImageScript?

    package init(definition: [UInt8]) { self.definition = definition }

    /// Describes an image converted to SIF, as `pull` and `build X.sif SPEC` do it (Docs/spec/deffile.md §2).
    package init(bootstrap agent: String, from: String) {
        definition = Self.definition(bootstrap: agent, from: from)
        header = [.init(key: "bootstrap", value: agent), .init(key: "from", value: from)]
    }

    /// Returns the definition that stands for `AGENT:FROM`.
    package static func definition(bootstrap agent: String, from: String) -> [UInt8] {
        "bootstrap: \(agent)\nfrom: \(from)\n\n".bytes
    }
}

/// A name with a value, as `%labels` has them.
package struct ImageLabel: Sendable, Equatable {
    package let key: String
    package let value: String

    package init(key: String, value: String) { (self.key, self.value) = (key, value) }
}

/// The body of a section, and the arguments on its marker's line.
package struct ImageScript: Sendable {
    package let arguments: String
    /// Lines, each ended by a line feed.
    package let body: [UInt8]

    package init(arguments: String = "", body: [UInt8]) { (self.arguments, self.body) = (arguments, body) }

    /// The program made of the script: interpreter line, blank line, body. The body's own `#!` line counts if only
    /// blanks stand before it.
    var program: [UInt8] {
        let arguments = arguments.isEmpty ? "" : " " + arguments
        var body = body[...]
        let start = body.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var interpreter = Array("#!/bin/sh".utf8)
        if start.starts(with: Array("#!".utf8)) {
            interpreter = Array(start.prefix { $0 != 0x0A })
            body = start.drop { $0 != 0x0A }.dropFirst()
        }
        return interpreter + arguments.bytes + [0x0A, 0x0A] + body + [0x0A]
    }
}
