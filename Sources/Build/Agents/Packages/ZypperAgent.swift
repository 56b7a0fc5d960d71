import Base
import ImageCache
import Linux
import Packing

/// `Bootstrap: zypper`: openSUSE from a mirror, or SUSE Linux Enterprise from a registration (Docs/spec/deffile.md §2).
struct ZypperAgent: BootstrapAgent {
    private static let configuration = "/etc/zypp/zypp-bootstrap.conf"

    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        let zypper = try HostTool(["zypper"], package: "zypper", for: order)
        let rpm = try HostTool(["rpm"], package: "rpm", for: order)
        let root = try RootTree(order.root)
        let environment = try PackageDatabase(rpm, order).environment
        try root.makeDirectory("/dev")
        try root.write(Self.configuration, "[main]\ncachedir=/var/cache/zypp-bootstrap\n", mode: 0o644)
        let options = ["--root", order.root, "--non-interactive", "--gpg-auto-import-keys"]
        let release = order.value("osversion").isEmpty ? [] : ["--releasever=" + order.value("osversion")]
        try importKey(order, rpm, environment)
        if order.value("mirrorurl").isEmpty {
            try register(order, environment)
        } else {
            for (name, url) in repositories(order) {
                try zypper.run(options + release + ["addrepo", url, name], for: order, environment: environment)
            }
            try zypper.run(options + release + ["refresh"], for: order, environment: environment)
        }
        let install = ["install", "--auto-agree-with-licenses", "--download-in-advance"]
        try zypper.run(options + release + install + order.packages(["aaa_base"]), for: order, environment: environment)
        try root.remove(Self.configuration)
        return .ofPackages
    }

    func facts(_ order: BootstrapOrder) -> [StepFact]? { order.headerFacts() }

    private func repositories(_ order: BootstrapOrder) -> [(String, String)] {
        var found = [("repo", order.url("mirrorurl"))]
        if !order.url("updateurl").isEmpty { found.append(("update", order.url("updateurl"))) }
        for field in order.stage.header where field.key.hasPrefix("otherurl") {
            found.append(("repo-" + field.key.dropFirst(8), order.url(field.key)))
        }
        return found
    }

    private func importKey(_ order: BootstrapOrder, _ rpm: HostTool, _ environment: [String]) throws(SkiffError) {
        let key = order.value("productpgp")
        if key.isEmpty { return }
        let file = order.temporary + "/product.asc"
        try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, Array(key.utf8), mode: 0o600) }
        try rpm.run(["--root", order.root, "--initdb"], for: order, environment: environment)
        try rpm.run(["--root", order.root, "--import", file], for: order, environment: environment)
    }

    private func register(_ order: BootstrapOrder, _ environment: [String]) throws(SkiffError) {
        let connect = try HostTool(["SUSEConnect"], package: "suseconnect", for: order)
        var arguments = ["--root", order.root]
        let server = order.value("registerurl")
        if !server.isEmpty { arguments += ["--url", server] }
        let (product, user, code) = (order.value("product"), order.value("user"), order.value("regcode"))
        if !product.isEmpty {
            try connect.run(
                arguments + ["--product", product, "--email", user, "--regcode", code], for: order,
                environment: environment)
        }
        for module in order.value("modules").split(separator: ",") {
            try connect.run(
                arguments + ["--product", String(module).filter { $0 != " " }], for: order, environment: environment)
        }
    }
}
