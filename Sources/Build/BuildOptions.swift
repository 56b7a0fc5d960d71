package import Core
import Grammar
package import SquashfsWriter

/// What one build was asked for beside its definition and target (cli.md §4).
package struct BuildOptions: Sendable {
    /// `--section`; nil for all.
    package var sections: Set<String>?
    /// `--notest` turns it off.
    package var runsTest = true
    /// `--force`: what is there may be replaced, in the image as well.
    package var replaces = false
    /// `--update`: the last stage works on the sandbox that is there.
    package var isUpdate = false
    /// `--fix-perms`.
    package var fixesPermissions = false
    /// Of `%post` and `%test`.
    package var binds: [Request.Bind] = []
    /// Of plugins, for `%post` and `%test`: `--nv` and its like.
    package var pluginFlags: [(name: String, values: [String])] = []
    package var squashfs = SquashfsOptions()

    package init() {}

    package func wants(_ section: SectionName) -> Bool { sections?.contains(section.rawValue) ?? true }
}

extension BuildOptions {
    init(_ invocation: Invocation) throws(SkiffError) {
        sections = try Self.sections(invocation.list("section"))
        runsTest = !invocation.bool("notest")
        replaces = invocation.bool("force")
        pluginFlags = invocation.pluginFlags
        if let text = invocation.string("compression") { squashfs.compression = try ImageCompression(text) }
        if let arguments = invocation.string("mksquashfs-args") { try squashfs.apply(toolArguments: arguments) }
        squashfs.latestTime = try SquashfsOptions.sourceDateEpoch()
    }

    private static func sections(_ words: [String]) throws(SkiffError) -> Set<String>? {
        if words.isEmpty || words == ["all"] { return nil }
        if words == ["none"] { return [] }
        if words.contains("all") || words.contains("none") {
            throw SkiffError("Section specification error: cannot have any section and all or none")
        }
        return Set(words)
    }
}
