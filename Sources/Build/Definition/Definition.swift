import Packing

/// A definition file: how to build an image (Docs/spec/deffile.md). Plain values: nothing was looked
/// at on the host.
package struct Definition: Sendable, Equatable {
    /// As it is recorded in the image: all stages, with the values of build variables filled in.
    package var text: [UInt8]
    /// In file order, at least one. The last one becomes the image.
    package var stages: [Stage]
    /// As the user named the file, for messages; empty for a definition without a file.
    package var name = ""
    /// Warnings for the user.
    package var warnings: [String] = []
    /// Names given by `--build-arg` or its file that no stage mentions, sorted.
    package var unusedArguments: [String] = []

    package init(text: [UInt8], stages: [Stage]) {
        self.text = text
        self.stages = stages
    }

    /// A build from `AGENT:FROM` or from an image or directory, as `build X.sif SPEC` means it;
    /// Docs/spec/deffile.md §2.
    package init(bootstrap agent: String, from: String) {
        let stage = Stage(header: [
            .init(key: "bootstrap", value: agent, line: 0), .init(key: "from", value: from, line: 0),
        ])
        self.init(text: ImageDescription.definition(bootstrap: agent, from: from), stages: [stage])
    }

    package init(localImage path: String) { self.init(bootstrap: "localimage", from: path) }

    /// `FILE:LINE` for messages; the line alone without a file.
    package func place(_ line: Int) -> String { name.isEmpty ? "line \(line)" : "\(name):\(line)" }
}
