import Base
import CLinux
import ImageCache
import Linux
import Packing

/// `Bootstrap: yum` and `dnf`: a distribution of RPM packages (Docs/spec/deffile.md §2).
struct RPMAgent: BootstrapAgent {
    private static let configuration = "/etc/bootstrap-yum.conf"
    private static let cache = "/var/cache/yum-bootstrap"

    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        let tool = try HostTool(["dnf", "yum"], package: "dnf", for: order)
        let rpm = try HostTool(["rpm"], package: "rpm", for: order)
        let root = try RootTree(order.root)
        let key = environmentValue("GPG") ?? ""
        guard key.isEmpty || key.hasPrefix("https://") else {
            throw SkiffError("While performing build: conveyor failed to get: GPG key must be fetched with https")
        }
        let environment = try PackageDatabase(rpm, order).environment
        try makeDevices(root)
        try root.write(Self.configuration, Self.text(order, checksKeys: !key.isEmpty), mode: 0o664)
        if !key.isEmpty { try rpm.run(["--root", order.root, "--import", key], for: order, environment: environment) }
        var arguments = ["--noplugins", "-c", order.root + Self.configuration, "--installroot", order.root]
        arguments += ["--releasever=" + order.value("osversion"), "-y"]
        arguments += order.value("setopt").split(separator: " ").map { "--setopt=\($0)" }
        arguments += ["install"]
        try tool.run(
            arguments
                + order.packages(["/etc/redhat-release", "coreutils"], and: environmentValue("INCLUDE") ?? ""),
            for: order, environment: environment)
        try root.remove(Self.configuration)
        try root.remove(Self.cache)
        return .ofPackages
    }

    func facts(_ order: BootstrapOrder) -> [StepFact]? { order.headerFacts(["GPG", "INCLUDE"]) }

    static func text(_ order: BootstrapOrder, checksKeys: Bool) -> String {
        let check = "gpgcheck=\(checksKeys ? 1 : 0)\n"
        var text = "[main]\ncachedir=\(cache)\nkeepcache=0\ndebuglevel=2\nlogfile=/var/log/yum.log\n"
        text += "syslog_device=/dev/null\nexactarch=1\nobsoletes=1\n\(check)plugins=1\nreposdir=0\ndeltarpm=0\n\n"
        text += "[base]\nname=Linux $releasever - $basearch\nbaseurl=\(order.url("mirrorurl"))\nenabled=1\n\(check)\n"
        let updates = order.url("updateurl")
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
