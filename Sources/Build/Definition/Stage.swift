package import Packing

/// A root file system that is to be built: a header that says what it starts from, and sections that say what is done to
/// it.
package struct Stage: Sendable, Equatable {
    package var header: [HeaderField]
    package var scripts: [SectionName: Script] = [:]
    /// `%files` sections, those of one source together, in the order of the file.
    package var files: [FileGroup] = []
    /// Lines of `%labels`.
    package var labels: [ImageLabel] = []
    /// Applications (SCIF) in the order of their first appearance; Docs/spec/deffile.md §7.
    package var apps: [App] = []
    /// The markers as they stand in the file.
    package var sections: [Section] = []

    package init(header: [HeaderField]) { self.header = header }

    /// Returns the value of a key, which is in lower case. Of several the last one counts.
    package func value(_ key: String) -> String? { field(key)?.value }

    /// Whether somebody wrote it; otherwise it only says what image takes another form.
    var isWritten: Bool { (field("bootstrap")?.line ?? 0) > 0 }

    func field(_ key: String) -> HeaderField? { header.last { $0.key == key } }

    /// Returns a section, or nil when it has no body.
    package func script(_ name: SectionName) -> Script? {
        scripts[name].flatMap { $0.body.isEmpty ? nil : $0 }
    }

    /// The name by which other stages know it; nil for a stage without `Stage:`.
    package var name: String? { value("stage").flatMap { $0.isEmpty ? nil : $0 } }
    /// The bootstrap agent; never empty in a stage that was parsed.
    package var agent: String { value("bootstrap") ?? "" }
}

extension Stage {
    /// A `Key: value` line of the header; the key in lower case.
    package struct HeaderField: Sendable, Equatable {
        package let key: String
        package let value: String
        package let line: Int

        package init(key: String, value: String, line: Int) {
            (self.key, self.value, self.line) = (key, value, line)
        }
    }

    /// A marker line and what it names.
    package struct Section: Sendable, Equatable {
        /// In lower case, without the percent sign.
        package let name: String
        package let arguments: String
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
        /// For each line of the body, where it stands in the file.
        package var lines: [Int] = []
    }

    /// The lines of `%files` sections with the same source.
    package struct FileGroup: Sendable, Equatable {
        /// The stage to copy from; nil for the host.
        package let stage: String?
        package var files: [File]
        package let line: Int
    }

    /// A line of `%files` or `%appfiles`.
    package struct File: Sendable, Equatable {
        package let source: String
        /// Empty when the line names only a source.
        package let destination: String
        package let line: Int

        package init(source: String, destination: String, line: Int) {
            (self.source, self.destination, self.line) = (source, destination, line)
        }
    }

    /// What the `%app… NAME` sections say about one application.
    package struct App: Sendable, Equatable {
        package let name: String
        package var scripts: [AppSection: Script] = [:]
        package var files: [File] = []
        package var labels: [ImageLabel] = []

        package init(name: String) { self.name = name }
    }
}
