import Base
package import Core
package import Grammar
import Linux
package import SquashfsWriter

/// What one build was asked for beside its definition and target (Docs/spec/cli.md §4).
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
    /// `--disable-cache`: nothing is kept, and nothing that is kept is used.
    package var disablesCache = false
    /// `--no-cache`: all steps run, and their results take the place of those that are kept.
    package var ignoresCache = false
    /// `--explain-cache`.
    package var explainsCache = false
    /// `--arch`, in the Go toolchain's names.
    package var architecture = SIFArchitecture.host.name
    /// `--arch-variant`; empty for none.
    package var architectureVariant = ""
    /// `--reproducible`: without SOURCE_DATE_EPOCH, the time of what the image was made from.
    package var isReproducible = false
    /// `--data`: what is built is no root, but data for one.
    package var isData = false
    /// `--build-arg`, for Dockerfiles.
    package var buildArguments: [String: String] = [:]
    /// `--ignore-subuid`, `--ignore-fakeroot-command`, `--ignore-userns`: ways to root that are left out.
    package var ignoresSubuid = false
    package var ignoresFakerootCommand = false
    package var ignoresUserNamespaces = false
    /// Known when the build has begun.
    package var identity = BuildIdentity.root

    /// What the administrator decided.
    package var settings = Settings()
    /// `--config`, absolute.
    package var configurationFile: String?

    /// The command line, for agents that reach networks; nil outside of a command.
    package var invocation: Invocation?

    package init() {}

    /// Where helper programs are looked for.
    var programs: ProgramPath { ProgramPath(settings) }

    package func wants(_ section: SectionName) -> Bool { sections?.contains(section.rawValue) ?? true }
}

extension BuildOptions {
    init(_ invocation: Invocation, _ settings: Settings) throws(SkiffError) {
        self.settings = settings
        if let file = invocation.global.configurationFile { configurationFile = try absolutePath(file) }
        try squashfs.apply(settings)
        sections = try Self.sections(invocation.list("section"))
        self.invocation = invocation
        runsTest = !invocation.bool("notest")
        replaces = invocation.bool("force")
        // A forced update is a build from the beginning.
        isUpdate = invocation.bool("update") && !replaces
        fixesPermissions = invocation.bool("fix-perms")
        isReproducible = invocation.bool("reproducible")
        isData = invocation.bool("data")
        architecture = try Self.architecture(invocation.string("arch"))
        architectureVariant = invocation.string("arch-variant") ?? ""
        binds = try Self.binds(invocation)
        pluginFlags = invocation.pluginFlags
        disablesCache = invocation.bool("disable-cache")
        ignoresCache = invocation.bool("no-cache")
        explainsCache = invocation.bool("explain-cache")
        ignoresSubuid = invocation.bool("ignore-subuid")
        ignoresFakerootCommand = invocation.bool("ignore-fakeroot-command")
        ignoresUserNamespaces = invocation.bool("ignore-userns")
        if let text = invocation.string("compression") { squashfs.compression = try ImageCompression(text) }
        if let arguments = invocation.string("mksquashfs-args") { try squashfs.apply(toolArguments: arguments) }
        squashfs.latestTime = try SquashfsOptions.sourceDateEpoch()
    }

    private static func sections(_ words: [String]) throws(SkiffError) -> Set<String>? {
        if words.isEmpty || words == ["all"] { return nil }
        if words == ["none"] { return [] }
        for word in ["all", "none"] where words.contains(word) {
            throw SkiffError(
                "Could not check build sections: section specification error: cannot have \(word) and any other option")
        }
        return Set(words)
    }

    /// Of what Apptainer builds for.
    private static let architectures = ["arm", "arm64", "amd64", "386", "ppc64le", "s390x", "riscv64"]

    private static func architecture(_ name: String?) throws(SkiffError) -> String {
        guard let name, !name.isEmpty else { return SIFArchitecture.host.name }
        guard architectures.contains(name) else {
            throw SkiffError(
                "While processing the arch and arch variant: arch: \(name) is not valid, supported archs are: "
                    + "[\(architectures.joined(separator: " "))]")
        }
        return name
    }

    /// As for a launch; relative sources are those of the caller's directory.
    private static func binds(_ invocation: Invocation) throws(SkiffError) -> [Request.Bind] {
        let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
        var binds: [Request.Bind] = []
        for text in invocation.list("bind") { binds += try BindSpec.parse(text, currentDirectory: directory) }
        for line in invocation.list("mount").flatMap({ $0.split(whereSeparator: \.isNewline) }) {
            let fields: [String]
            do throws(ValueProblem) {
                fields = try parseCSV(String(line))
            } catch {
                throw SkiffError("While setting bind mount configuration: while parsing mount: \(error.text)")
            }
            binds.append(try MountSpec.parse(fields, currentDirectory: directory))
        }
        return binds
    }
}
