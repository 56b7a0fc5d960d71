import Base

/// The environment script and the runscript that a SIF gets from the config of an image (Docs/spec/deffile.md §9).
/// Runtimes recognise the runscript by its second to last line and evaluate it themselves.
package struct OCIScripts: Sendable {
    private let config: OCIConfig

    package init(_ config: OCIConfig) { self.config = config }

    package static let environmentPath = "/.singularity.d/env/10-docker2singularity.sh"
    package static let runscriptPath = "/.singularity.d/runscript"

    /// The entrypoint of an image of ours that became one of OCI. It does what a launch does: the environment of the image,
    /// then its runscript, else a shell. Other tools replace the runscript only with `--entrypoint`.
    package static let starter = [
        "/bin/sh", "-c",
        "for f in /.singularity.d/env/*.sh; do [ -r \"$f\" ] && . \"$f\"; done; "
            + "[ -x /.singularity.d/runscript ] && exec /.singularity.d/runscript \"$@\"; exec /bin/sh \"$@\"",
        "skiff",
    ]

    /// Whether the image has a runscript of its own, which its entrypoint starts: another one in its place would start
    /// itself.
    package var keepsRunscript: Bool { config.entrypoint == Self.starter }

    /// The environment script. PATH is always the image's; other variables keep a value from outside.
    package var environment: String {
        var text = "#!/bin/sh\n"
        for entry in config.environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, Self.isName(name) else { continue }
            if parts.count == 1 {
                text += "export \(name)=\"${\(name):-}\"\n"
            } else if name == "PATH" {
                text += "export PATH=\"\(Self.escaped(parts[1]))\"\n"
            } else {
                text += "export \(name)=\"${\(name):-\"\(Self.escaped(parts[1]))\"}\"\n"
            }
        }
        return text
    }

    private static func isName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        }
    }

    /// Returns a value escaped for double quotes.
    private static func escaped(_ value: Substring) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            if ["\"", "\\", "$", "`"].contains(scalar) { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    /// The runscript: ENTRYPOINT with the arguments, or with CMD where there are none, run as they are (`--no-eval`) or
    /// evaluated by the shell once more.
    package var runscript: String {
        let (entrypoint, command) = (config.entrypoint, config.command)
        var text = """
            #!/bin/sh
            OCI_ENTRYPOINT=\(Self.quoted(Self.doubleQuoted(entrypoint)))
            OCI_CMD=\(Self.quoted(Self.doubleQuoted(command)))

            # SINGULARITY_NO_EVAL (--no-eval): every word as it is.
            if [ -n "$SINGULARITY_NO_EVAL" ]; then

            """
        if !command.isEmpty {
            text += "    if [ $# -eq 0 ]; then\n        set -- \(Self.words(command))\n    fi\n"
        }
        if !entrypoint.isEmpty { text += "    set -- \(Self.words(entrypoint)) \"$@\"\n" }
        return text + """
                exec "$@"
            fi

            # Otherwise a shell evaluates all words once more: arguments between double quotes, and CMD in their place.
            CMDLINE_ARGS=""
            for arg in "$@"; do
                CMDLINE_ARGS="${CMDLINE_ARGS} \\"$arg\\""
            done
            if [ $# -gt 0 ]; then
                SINGULARITY_OCI_RUN="-- ${OCI_ENTRYPOINT} ${CMDLINE_ARGS}"
            else
                SINGULARITY_OCI_RUN="-- ${OCI_ENTRYPOINT} ${OCI_CMD}"
            fi
            eval "set ${SINGULARITY_OCI_RUN}"
            exec "$@"

            """
    }

    private static func doubleQuoted(_ words: [String]) -> String {
        words.map { "\"\(escaped($0[...]))\"" }.joined(separator: " ")
    }

    private static func words(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\"'\"'") + "'" }

    /// The first content of `labels.json`, to which a build adds its labels.
    package var labels: [UInt8] {
        let members = config.labels.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return Array(JSONText.object(members.map { .init($0.name, .string($0.value)) }).text(indent: "\t").utf8)
    }
}
