import Base

/// The name under which the program was called, which decides what help and `--version` show.
///
/// `apptainer` and `singularity` are links for people and scripts that expect Apptainer; under these names all texts
/// say `apptainer`, as Apptainer's do.
package struct ProgramName: Sendable, Equatable {
    /// `skiff` or `apptainer`.
    package let text: String
    /// Whether the call came through `run-singularity`, the interpreter named in the first line of a SIF.
    package let runsImage: Bool

    /// - Parameter path: argument 0, or the value of `SKIFF_PROGRAM` in a helper.
    package init(calledAs path: String) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        runsImage = name == "run-singularity"
        text = runsImage || name == "apptainer" || name == "singularity" ? "apptainer" : "skiff"
    }

    /// What `version` prints: a semantic version in both cases.
    package var version: String {
        text == "skiff" ? Version.number : Version.apptainer + "+skiff." + Version.number
    }

    /// What `--version` prints.
    package var versionLine: String { "\(text) version \(version)" }

    /// Returns the arguments to parse: `run-singularity x.sif a` means `--quiet run x.sif a`.
    package func arguments(_ typed: [String]) -> [String] { runsImage ? ["--quiet", "run"] + typed : typed }
}
