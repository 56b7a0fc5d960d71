/// A definition file: how to build an image (deffile.md). Plain values; nothing was looked at on the host yet.
package struct Definition: Sendable, Equatable {
    /// A `Key: value` line of the header; the key in lower case.
    package struct HeaderField: Sendable, Equatable {
        package let key: String
        package let value: String
        package let line: Int
    }

    /// A section whose body is a script, or plain text.
    package struct Script: Sendable, Equatable {
        /// What follows the name on the marker's line, without a comment.
        package var arguments: String
        /// The lines between the markers, each ended by a line feed.
        package var body: [UInt8]
        /// Of the first marker, counted from 1; 0 for a definition without text.
        package var line: Int
    }

    /// A line of `%files`.
    package struct File: Sendable, Equatable {
        package let source: String
        /// Empty when the line names only a source.
        package let destination: String
        package let line: Int
    }

    /// A line of `%labels`.
    package struct Label: Sendable, Equatable {
        package let key: String
        package let value: String
    }

    /// As it is recorded in the image.
    package var text: [UInt8]
    package var header: [HeaderField]
    package var scripts: [SectionName: Script] = [:]
    package var files: [File] = []
    package var labels: [Label] = []

    package init(text: [UInt8], header: [HeaderField]) {
        self.text = text
        self.header = header
    }

    /// A build from an image or directory, as `build X.sif PATH` means it; deffile.md §2.
    package init(localImage path: String) {
        self.init(
            text: Array("bootstrap: localimage\nfrom: \(path)\n\n".utf8),
            header: [.init(key: "bootstrap", value: "localimage", line: 0), .init(key: "from", value: path, line: 0)])
    }

    /// The value of a key in lower case; the last one wins.
    package func value(_ key: String) -> String? { header.last { $0.key == key }?.value }
}

/// The sections that may stand in a definition file.
package enum SectionName: String, Sendable, CaseIterable {
    case help, setup, files, labels, environment, pre, post, runscript, test, startscript, arguments

    /// Refused by name: leaving one out would build another image than the one that was described.
    var isAvailable: Bool { self != .pre && self != .arguments }

    /// Sections of applications; only in lower case, unlike the others.
    static let ofApplications: Set<String> = [
        "appinstall", "applabels", "appfiles", "appenv", "apptest", "apphelp", "apprun", "appstart",
    ]
}
