import Base
import Linux

/// The place where rpm of this host keeps its database. Debian's rpm keeps it in the caller's home: a root that it fills would
/// have the records of its packages where no rpm in it looks. So it gets a home of ours, with macros that name the usual place
/// (rpm(8), MACRO FILES).
struct PackageDatabase {
    static let usual = "/var/lib/rpm"
    /// The variables for tools that use rpm's library; empty where rpm uses the usual place.
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
