import Base
import ImageCache
import Linux
import Packing

/// `Bootstrap: zypper`: openSUSE from a mirror, or SUSE Linux Enterprise from a registration (Docs/spec/deffile.md §2).
struct ZypperAgent: BootstrapAgent {
    private static let configuration = "/etc/zypp/zypp-bootstrap.conf"

    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let zypper = try HostTool(["zypper"], package: "zypper", for: request)
        let rpm = try HostTool(["rpm"], package: "rpm", for: request)
        let root = try RootTree(request.root)
        let environment = try PackageDatabase(rpm, request).environment
        try root.makeDirectory("/dev")
        try root.write(Self.configuration, "[main]\ncachedir=/var/cache/zypp-bootstrap\n", mode: 0o644)
        let options = ["--root", request.root, "--non-interactive", "--gpg-auto-import-keys"]
        let release = request.value("osversion").isEmpty ? [] : ["--releasever=" + request.value("osversion")]
        try importKey(request, rpm, environment)
        if request.value("mirrorurl").isEmpty {
            try register(request, environment)
        } else {
            for (name, url) in repositories(request) {
                try zypper.run(options + release + ["addrepo", url, name], for: request, environment: environment)
            }
            try zypper.run(options + release + ["refresh"], for: request, environment: environment)
        }
        let install = ["install", "--auto-agree-with-licenses", "--download-in-advance"]
        try zypper.run(
            options + release + install + request.packages(["aaa_base"]), for: request, environment: environment)
        try root.remove(Self.configuration)
        return .ofPackages
    }

    func facts(_ request: BootstrapRequest) -> [StepFact]? { request.headerFacts() }

    private func repositories(_ request: BootstrapRequest) -> [(String, String)] {
        var found = [("repo", request.url("mirrorurl"))]
        if !request.url("updateurl").isEmpty { found.append(("update", request.url("updateurl"))) }
        for field in request.stage.header where field.key.hasPrefix("otherurl") {
            found.append(("repo-" + field.key.dropFirst(8), request.url(field.key)))
        }
        return found
    }

    private func importKey(_ request: BootstrapRequest, _ rpm: HostTool, _ environment: [String]) throws(SkiffError) {
        let key = request.value("productpgp")
        if key.isEmpty { return }
        let file = request.temporary + "/product.asc"
        try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, Array(key.utf8), mode: 0o600) }
        try rpm.run(["--root", request.root, "--initdb"], for: request, environment: environment)
        try rpm.run(["--root", request.root, "--import", file], for: request, environment: environment)
    }

    private func register(_ request: BootstrapRequest, _ environment: [String]) throws(SkiffError) {
        let connect = try HostTool(["SUSEConnect"], package: "suseconnect", for: request)
        var arguments = ["--root", request.root]
        let server = request.value("registerurl")
        if !server.isEmpty { arguments += ["--url", server] }
        let (product, user, code) = (request.value("product"), request.value("user"), request.value("regcode"))
        if !product.isEmpty {
            try connect.run(
                arguments + ["--product", product, "--email", user, "--regcode", code], for: request,
                environment: environment)
        }
        for module in request.value("modules").split(separator: ",") {
            try connect.run(
                arguments + ["--product", String(module).filter { $0 != " " }], for: request, environment: environment)
        }
    }
}
