import Base
import CLinux
import Core
import Linux

/// What a launch must ask for before it starts: rules of the administrator that stand in files of their own, and profiles
/// of system calls. Reading them is another program's work, which no launch without them waits for.
struct LaunchPolicy {
    let installation: Installation
    let settings: Settings

    // MARK: execution control

    /// Refuses an image that the execution control list does not allow (Docs/spec/runtime.md §15). It is about SIF files:
    /// the directives `allow container` are for the others.
    func check(_ image: borrowing ImageSource) throws(SkiffError) {
        guard image.kind == .sif else { return }
        let path = installation.configurationDirectory + "/ecl.toml"
        let file = ConfigurationFile(path, .administrator, name: "execution control list")
        guard let bytes = try file.read(limit: 1 << 20) else { return }
        // TOML has one word for it: without it nothing is activated.
        guard String(bytes: bytes).contains("true") else { return }
        _ = try HelperAnswer(installation: installation).bytes(
            ["__ecl", path, image.path], giving: image.descriptor.raw)
    }

    // MARK: capabilities of root

    /// Returns what capability.json grants root; nil where that is not asked for, or there is no file.
    func grantedCapabilities(_ host: HostFacts) throws(SkiffError) -> UInt64? {
        if settings.rootCapabilities != .file || host.uid != 0 || host.capabilityFile == .absent(.noSuchFile) {
            return nil
        }
        let answer = try HelperAnswer(installation: installation).bytes(
            ["__capabilities", installation.configurationDirectory + "/capability.json"])
        guard let bits = UInt64(String(bytes: answer)) else {
            throw SkiffError("cannot read the capabilities of root: skiff-image gave no answer")
        }
        return bits
    }

    // MARK: filters of system calls

    /// Adds the filters of `--security seccomp:` and `seccomp profile` to the plan. Steps of builds have none of the
    /// configuration.
    func filter(_ plan: inout Plan, for request: Request, isStep: Bool) throws(SkiffError) {
        if let path = request.security.seccomp {
            plan.attributes.filters.append(try filter(path, "--security", plan, isTrusted: false))
        }
        if settings.seccompProfile.isEmpty || isStep || request.buildConfiguration { return }
        let name = settings.seccompProfile
        let path = name == "default" ? installation.configurationDirectory + "/seccomp-default.json" : name
        guard path.hasPrefix("/") else {
            throw SkiffError(
                "cannot use seccomp profile \(name): the configuration must name it by an absolute path",
                hint: "seccomp profile = default stands for the profile that comes with skiff")
        }
        plan.attributes.filters.append(try filter(path, "seccomp profile", plan, isTrusted: true))
    }

    private func filter(_ path: String, _ reason: String, _ plan: Plan, isTrusted: Bool) throws(SkiffError)
        -> ProgramAttributes.Filter
    {
        let cause = ProgramAttributes.Cause(reason: "\(reason) \(path)", origin: "core")
        return try CompiledFilter(installation).filter(
            try profile(path, isTrusted: isTrusted), name: path, plan.privileges.capabilities, cause)
    }

    private func profile(_ path: String, isTrusted: Bool) throws(SkiffError) -> [UInt8] {
        if isTrusted {
            guard let bytes = try ConfigurationFile(path, .administrator, name: "seccomp profile").read(limit: 1 << 20)
            else { throw SkiffError("cannot read seccomp profile \(path)", errno: .noSuchFile) }
            return bytes
        }
        // Apptainer's text.
        return try during("open \(path)") { () throws(Errno) in try readFile(path, limit: 1 << 20) }
    }
}
