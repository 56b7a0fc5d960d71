import Base
import Core
import ImageCache
import Linux
import Packing

/// `Bootstrap: debootstrap`: a minimal Debian or a relative of it (Docs/spec/deffile.md §2).
struct DebootstrapAgent: BootstrapAgent {
    private static let excluded = "openssl,udev,debconf-i18n,e2fsprogs"

    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let tool = try HostTool(["debootstrap"], package: "debootstrap", for: request)
        let arguments = [
            "--variant=minbase", "--exclude=" + Self.excluded,
            "--include=" + request.packages(["apt"]).joined(separator: ","),
            "--arch=" + Self.architecture(request.options.packing.architecture), request.value("osversion"),
            request.root,
            request.url("mirrorurl"),
        ]
        // In a user namespace no device can be made. With this variable debootstrap binds those of the host instead.
        try tool.run(arguments, for: request, environment: inInitialUserNamespace() ? [] : ["container=lxc"])
        unmountBelow(request.root)
        return .ofPackages
    }

    func facts(_ request: BootstrapRequest) -> [StepFact]? { request.headerFacts() }

    /// Debian's names differ from Go's.
    static func architecture(_ name: String) -> String {
        switch name {
        case "386": "i386"
        case "arm": "armhf"
        case "ppc64le": "ppc64el"
        default: name
        }
    }
}
