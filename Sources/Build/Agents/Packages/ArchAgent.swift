import Base
import Core
import ImageCache
import Linux
import Packing

/// `Bootstrap: arch`: Arch Linux, which exists for one architecture (Docs/spec/deffile.md §2).
struct ArchAgent: BootstrapAgent {
    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        guard request.options.packing.architecture == "amd64" else {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(request.options.packing.architecture) architecture is not supported"
            )
        }
        let pacstrap = try HostTool(["pacstrap"], package: "arch-install-scripts", for: request)
        let chroot = try HostTool(["arch-chroot"], package: "arch-install-scripts", for: request)
        var file = ""
        let address = request.url("confurl")
        if !address.isEmpty {
            file = request.temporary + "/pacman.conf"
            let text = try BusyboxAgent.fetch(address, "pacman.conf")
            try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, text, mode: 0o644) }
        }
        let wanted = request.packages([])
        let packages = wanted.isEmpty ? ["base"] : wanted
        defer { unmountBelow(request.root) }
        if inInitialUserNamespace() {
            try pacstrap.run(
                ["-c", "-G", "-M"] + (file.isEmpty ? [] : ["-C", file]) + [request.root] + packages, for: request)
            try chroot.run([request.root, "/bin/sh", "-c", Self.keys], for: request)
        } else {
            try install(packages, configuration: file, request)
        }
        return .ofPackages
    }

    private static let keys = "pacman-key --init && pacman-key --populate archlinux"

    /// What pacstrap does, without its file systems: those of the kernel cannot be mounted anew by root of a user namespace that
    /// has no more namespaces than that, so the root gets the host's.
    private func install(_ packages: [String], configuration: String, _ request: BootstrapRequest) throws(SkiffError) {
        let pacman = try HostTool(["pacman"], package: "pacman-package-manager", for: request)
        let chroot = try HostTool(["chroot"], package: "coreutils", for: request)
        let root = try RootTree(request.root)
        for folder in ["/var/cache/pacman/pkg", "/var/lib/pacman", "/var/log", "/run", "/etc/pacman.d"] {
            try root.makeDirectory(folder)
        }
        try root.makeDirectory("/tmp", mode: 0o1777)
        for folder in ["/dev", "/proc", "/sys"] {
            let target = try root.makeDirectory(folder)
            try during("cannot bind \(folder) for pacman") { () throws(Errno) in
                try attach(try cloneTree(folder), onto: target.raw)
            }
        }
        let options = ["-r", request.root, "--cachedir", request.temporary + "/pacman", "--noconfirm"]
        let file = configuration.isEmpty ? [] : ["--config", configuration]
        try pacman.run(options + file + ["-Sy"] + packages, for: request)
        try chroot.run([request.root, "/bin/sh", "-c", Self.keys], for: request)
    }

    func facts(_ request: BootstrapRequest) -> [StepFact]? { request.headerFacts() }
}
