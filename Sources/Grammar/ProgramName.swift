import Base

/// The name under which the program was called, which decides what help and `--version` show.
///
/// `apptainer` and `singularity` are links for people and scripts that expect Apptainer; under these names all texts
/// say `apptainer`, as Apptainer's do.
package struct ProgramName: Sendable, Equatable {
    /// `skiff`, `apptainer` or `skiff-runtime`.
    package let text: String
    /// Whether the call came through `run-singularity`, the interpreter named in the first line of a SIF.
    package let runsImage: Bool
    /// Whether it is the OCI runtime, which has a table of its own.
    package let isRuntime: Bool

    package static let runtime = "skiff-runtime"

    /// - Parameter path: argument 0, or the value of `SKIFF_PROGRAM` in a helper.
    package init(calledAs path: String) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        runsImage = name == "run-singularity"
        isRuntime = name == Self.runtime
        text = isRuntime ? name : runsImage || name == "apptainer" || name == "singularity" ? "apptainer" : "skiff"
    }

    /// The first word of manual pages: they are installed only under skiff's own names.
    var pageName: String { isRuntime ? text : "skiff" }

    /// What `version` prints: a semantic version in both cases.
    package var version: String {
        text != "apptainer" ? Version.number : Version.apptainer + "+skiff." + Version.number
    }

    /// What `--version` prints.
    package var versionLine: String {
        // Engines show these lines as those of runc.
        "\(text) version \(version)" + (isRuntime ? "\nspec: \(Self.specification)" : "")
    }

    /// The version of the runtime specification of OCI.
    package static let specification = "1.0.2"

    /// Returns the arguments to parse: `run-singularity x.sif a` means `--quiet run x.sif a`.
    package func arguments(_ typed: [String]) -> [String] { runsImage ? ["--quiet", "run"] + typed : typed }
}
