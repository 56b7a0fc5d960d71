import Base
import Build
import Core
import Grammar
import InstalledGrammar
import Linux
import Packing
import PluginHost
import Registry
import SquashfsWriter

extension BuildOptions {
    init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) throws(SkiffError) {
        self.init()
        self.settings = settings
        if let file = invocation.global.configurationFile { configurationFile = try absolutePath(file) }
        try packing.squashfs.apply(settings)
        sections = try Self.sections(invocation[.section])
        network = NetworkFlags(invocation: invocation, settings: settings)
        runsTest = !invocation[.notest]
        packing.replaces = invocation[.force]
        // A forced update is a build from scratch.
        isUpdate = invocation[.update] && !packing.replaces
        fixesPermissions = invocation[.fixPerms]
        packing.isReproducible = invocation[.reproducible]
        isData = invocation[.data]
        packing.architecture = try Self.architecture(invocation[.arch])
        packing.architectureVariant = invocation[.archVariant] ?? ""
        dockerHost = invocation[.dockerHost]
        binds = try Self.binds(invocation)
        pluginFlags = invocation.pluginFlags
        disablesCache = invocation[.disableCache]
        ignoresCache = invocation[.noCache]
        explainsCache = invocation[.explainCache]
        ignoresSubuid = invocation[.ignoreSubuid]
        ignoresFakerootCommand = invocation[.ignoreFakerootCommand]
        ignoresUserNamespaces = invocation[.ignoreUserns]
        if let text = invocation[.compression] { packing.squashfs.compression = try ImageCompression(text) }
        if let arguments = invocation[.mksquashfsArgs] { try packing.squashfs.apply(toolArguments: arguments) }
        encryption = try Self.encryption(invocation, settings, installation)
        packing.squashfs.latestTime = try SquashfsOptions.sourceDateEpoch()
    }

    /// Docs/spec/encryption.md §2: variables alone do not encrypt.
    private static func encryption(_ invocation: Invocation, _ settings: Settings, _ installation: Installation)
        throws(SkiffError) -> PluginEncryption?
    {
        let source = KeySource.first(of: invocation)
        guard invocation[.encrypt] || invocation[.encryption] != nil || KeySource.isNamed(in: invocation) else {
            if source != nil {
                Log.warning(
                    "Encryption related env vars found, but --encrypt was not specified. NOT encrypting container.")
            }
            return nil
        }
        let filesystem: SIFFilesystem
        switch invocation[.encryption] {
        case nil, "luks2"?: filesystem = .encryptedSquashfs
        case "gocryptfs"?: filesystem = .gocryptfsSquashfs
        case let other?:
            throw SkiffError("cannot encrypt the image by \(other)", hint: "--encryption takes luks2 or gocryptfs")
        }
        guard let source else {
            throw SkiffError(
                "cannot encrypt the image: there is no key",
                hint: "Give --passphrase, or --pem-path with the public key")
        }
        // With a flag for the image that is made, the variables are about the one that it is made from.
        let base = KeySource.isNamed(in: invocation) ? KeySource.first(KeySource.Flags()) : nil
        return try PluginEncryption(filesystem, source, base: base, settings, installation)
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

    /// The architectures that Apptainer builds for.
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

    /// As for a launch; relative sources start at the caller's directory.
    private static func binds(_ invocation: Invocation) throws(SkiffError) -> [Request.Bind] {
        let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
        var binds: [Request.Bind] = []
        for text in invocation[.bind] { binds += try BindSpec.parse(text, currentDirectory: directory) }
        for line in invocation[.mount].flatMap({ $0.split(whereSeparator: \.isNewline) }) {
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
