import Base
import CLinux
import ImageCache
import Linux
import Packing

/// `Bootstrap: yum` and `dnf`: a distribution of RPM packages (Docs/spec/deffile.md §2).
struct RPMAgent: BootstrapAgent {
    private static let configuration = "/etc/bootstrap-yum.conf"
    private static let cache = "/var/cache/yum-bootstrap"

    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let tool = try HostTool(["dnf", "yum"], package: "dnf", for: request)
        let rpm = try HostTool(["rpm"], package: "rpm", for: request)
        let root = try RootTree(request.root)
        let key = environmentValue("GPG") ?? ""
        guard key.isEmpty || key.hasPrefix("https://") else {
            throw SkiffError("While performing build: conveyor failed to get: GPG key must be fetched with https")
        }
        let environment = try PackageDatabase(rpm, request).environment
        try makeDevices(root)
        try root.write(Self.configuration, Self.text(request, checksKeys: !key.isEmpty), mode: 0o664)
        if !key.isEmpty {
            try rpm.run(["--root", request.root, "--import", key], for: request, environment: environment)
        }
        var arguments = ["--noplugins", "-c", request.root + Self.configuration, "--installroot", request.root]
        arguments += ["--releasever=" + request.value("osversion"), "-y"]
        arguments += request.value("setopt").split(separator: " ").map { "--setopt=\($0)" }
        arguments += ["install"]
        try tool.run(
            arguments
                + request.packages(["/etc/redhat-release", "coreutils"], and: environmentValue("INCLUDE") ?? ""),
            for: request, environment: environment)
        try root.remove(Self.configuration)
        try root.remove(Self.cache)
        return .ofPackages
    }

    func facts(_ request: BootstrapRequest) -> [StepFact]? { request.headerFacts(["GPG", "INCLUDE"]) }

    static func text(_ request: BootstrapRequest, checksKeys: Bool) -> String {
        let check = "gpgcheck=\(checksKeys ? 1 : 0)\n"
        var text = "[main]\ncachedir=\(cache)\nkeepcache=0\ndebuglevel=2\nlogfile=/var/log/yum.log\n"
        text += "syslog_device=/dev/null\nexactarch=1\nobsoletes=1\n\(check)plugins=1\nreposdir=0\ndeltarpm=0\n\n"
        text += "[base]\nname=Linux $releasever - $basearch\nbaseurl=\(request.url("mirrorurl"))\nenabled=1\n\(check)\n"
        let updates = request.url("updateurl")
        if updates.isEmpty { return text }
        return text + "[updates]\nname=Linux $releasever - $basearch updates\nbaseurl=\(updates)\nenabled=1\n\(check)\n"
    }

    /// Scripts of packages write to them. Where devices cannot be made, files take what is written.
    private func makeDevices(_ root: RootTree) throws(SkiffError) {
        let folder = try root.makeDirectory("/dev")
        for (name, minor) in [("null", UInt32(3)), ("zero", 5), ("random", 8), ("urandom", 9)] {
            if root.exists("/dev/" + name) { continue }
            do throws(Errno) {
                try makeNode(
                    name, mode: SKL_S_IFCHR | 0o666, device: deviceNumber(major: 1, minor: minor), at: folder.raw)
            } catch {
                try root.write("/dev/" + name, "", mode: 0o666)
            }
        }
    }
}
