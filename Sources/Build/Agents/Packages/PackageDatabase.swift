import Base
import Linux

/// Where rpm of this host keeps its database. Debian's keeps it in the caller's home, so that a root filled by it would have
/// its packages' records at a place where no rpm inside looks. Then a home of our own, whose macros say the usual place, stands
/// in for the caller's (rpm(8), MACRO FILES).
struct PackageDatabase {
    static let usual = "/var/lib/rpm"
    /// For the tools that work with rpm's library: empty where rpm is right by itself.
    let environment: [String]

    init(_ rpm: HostTool, _ request: BootstrapRequest) throws(SkiffError) {
        guard let place = rpm.output(["--eval", "%{_dbpath}"]), lastComponent(place) == ".rpmdb" else {
            environment = []
            return
        }
        let folder = request.temporary + "/rpm-home"
        let own = (environmentValue("HOME") ?? "") + "/.rpmmacros"
        let text = (isAccessible(own, .read) ? "%{load:\(own)}\n" : "") + "%_dbpath \(Self.usual)\n"
        try during("cannot write \(folder)/.rpmmacros") { () throws(Errno) in
            try makeDirectories(folder)
            try writeFile(folder + "/.rpmmacros", Array(text.utf8), mode: 0o644)
        }
        environment = ["HOME=" + folder]
    }
}
