package import Base
import CLinux
package import Linux

/// What lies at a path of the host, as far as a plan cares.
package enum Place: Sendable, Equatable {
    case directory
    case other
    case absent(Errno)

    static func at(_ path: String) -> Place {
        do throws(Errno) {
            return try status(path).isDirectory ? .directory : .other
        } catch {
            return .absent(error)
        }
    }
}

extension HostFacts {
    /// Looks at the places of the host, and of an image that is a directory, on which the plan of this request depends, and
    /// at no others: every look is a system call of the launch.
    package mutating func look(
        for request: Request, _ settings: Settings, _ image: inout ImageFacts, _ installation: Installation
    ) {
        if let path = request.workDirectory(in: directory) { workDirectory = .at(path) }
        if HomeDirectory.isMounted(request, settings), let path = HomeDirectory.hostPath(request, self) {
            homeSource = .at(path)
            hasReader = settings.shadowNotice && isTerminal(2)
            if hasReader && !request.contain { homeLibraries = ShadowNotice.libraries(below: path) }
        }
        if DefaultMounts.considersCurrentDirectory(request, settings, self) {
            resolvedDirectory = (try? realPath(".")) ?? directory
        }
        if DefaultMounts.showsHostFilesystems(request, settings) { topMounts = HostMounts.directlyBelowRoot() }
        if image.encryption?.isKernels == true, RootImage.Driver.kernelMounts(image, request, settings, self) {
            hasCrypt = (try? DeviceMapper())?.decrypts() ?? false
        }
        if RootImage.Driver(for: image, request, settings, self) == .extracted && request.temporaryDirectory == nil {
            temporaryDirectory = TemporaryDirectory.standard()
        }
        if settings.rootCapabilities == .file && uid == 0 {
            capabilityFile = .at(installation.configurationDirectory + "/capability.json")
        }
        hasLabels = request.security.label?.isAvailable ?? false
        target = request.security.uid.flatMap { userRecord(uid: $0) }
        siblings =
            .ofStep(environment, parent: .ofThisProcess) ?? (request.sharesContainer ? .ofThisProcess : nil)
        if request.writable && image.root == .directory {
            image.holdsHome = Self.holds(HomeDirectory.destination(request, self), inside: image.path)
        }
    }

    private static func holds(_ path: String, inside image: String) -> Bool {
        (try? TreeRoot(HostPath(image)))?.exists(TreePath(path)) ?? false
    }
}

/// The mount table of this process; proc_pid_mountinfo(5).
enum HostMounts {
    /// Mount points whose parent directory is `/`.
    static func directlyBelowRoot() -> [String] {
        guard let bytes = try? readFile("/proc/self/mountinfo") else { return [] }
        return bytes.split(separator: 0x0A).compactMap { line in
            let fields = line.split(separator: 0x20)
            guard fields.count > 4 else { return nil }
            let path = String(bytes: fields[4])
            return path != "/" && parentPath(path) == "/" ? path : nil
        }
    }
}
