import CLinux
import Core
import ImageCache
import Linux

/// `Bootstrap: arch`: Arch Linux, which exists for one architecture (deffile.md §2).
struct ArchAgent: BootstrapAgent {
    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        guard order.options.architecture == "amd64" else {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(order.options.architecture) architecture is not supported"
            )
        }
        let pacstrap = try HostTool(["pacstrap"], package: "arch-install-scripts")
        let chroot = try HostTool(["arch-chroot"], package: "arch-install-scripts")
        var arguments = ["-c", "-G", "-M"]
        let address = order.url("confurl")
        if !address.isEmpty {
            let file = order.temporary + "/pacman.conf"
            let text = try BusyboxAgent.fetch(address, "pacman.conf")
            try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, text, mode: 0o644) }
            arguments += ["-C", file]
        }
        let wanted = order.packages([])
        try pacstrap.run(arguments + [order.root] + (wanted.isEmpty ? ["base"] : wanted), for: order)
        let keys = "pacman-key --init && pacman-key --populate archlinux"
        try chroot.run([order.root, "/bin/sh", "-c", keys], for: order)
        unmountBelow(order.root)
        return .ofPackages
    }

    func facts(_ order: BootstrapOrder) -> [StepFact]? { order.headerFacts() }
}
