package import Base
import Linux

/// What the administrator of the machine decided: the directives of `skiff.conf`, which are those of apptainer.conf
/// (Docs/spec/runtime.md §14). The values here are those that apply without a file.
package struct Settings: Sendable, Equatable {
    package enum Device: String, Sendable, CaseIterable { case yes, no, minimal }
    package enum Overlay: String, Sendable, CaseIterable {
        case yes, no
        /// The same as `yes`, kept for old files.
        case attempt = "try"
        case driver
    }
    package enum Underlay: String, Sendable, CaseIterable { case yes, no, preferred }
    package enum RootCapabilities: String, Sendable, CaseIterable { case full, file, no }
    package enum MemoryFilesystem: String, Sendable, CaseIterable { case tmpfs, ramfs }
    package enum SetuidSquashfs: String, Sendable, CaseIterable {
        case yes, no
        case ifLimited = "iflimited"
    }

    // Namespaces
    package var allowPIDNamespace = true
    package var allowIPCNamespace = true
    package var allowUTSNamespace = true
    package var allowUserNamespace = true

    // Files that are made for the container
    package var configPasswd = true
    package var configGroup = true
    package var configResolvConf = true

    // Mounts
    package var mountProc = true
    package var mountSys = true
    package var mountDev = Device.yes
    package var mountDevpts = true
    package var mountHome = true
    package var mountTmp = true
    package var mountHostfs = false
    /// `src[:dst]` each.
    package var bindPath = ["/etc/localtime", "/etc/hosts"]
    package var userBindControl = true
    /// Whether users are told of what goes before the image's own (`ShadowNotice`).
    package var shadowNotice = true
    package var enableFusemount = true
    package var enableOverlay = Overlay.yes
    package var enableUnderlay = Underlay.yes
    package var mountSlave = true
    package var sessionSizeMiB = 64
    package var memoryFilesystem = MemoryFilesystem.tmpfs

    // Which images may run
    package var allowContainerSIF = true
    package var allowContainerEncrypted = true
    package var allowContainerSquashfs = true
    package var allowContainerExtfs = true
    package var allowContainerDirectory = true
    package var limitContainerOwners: [String] = []
    package var limitContainerGroups: [String] = []
    package var limitContainerPaths: [String] = []
    package var imageDriver = ""
    /// Whether the kernel may read the bytes of an image; with `no` the image server does, and ext3 is unpacked.
    package var allowKernelSquashfs = true
    package var allowKernelExtfs = true
    package var syncWritableExtfs = false

    // Privileges
    package var rootCapabilities = RootCapabilities.full
    /// `default`, or the path of a profile of system calls for all containers; empty for none.
    package var seccompProfile = ""
    package var allowSetuid = true
    package var allowSetuidMountEncrypted = true
    package var allowSetuidMountSquashfs = SetuidSquashfs.ifLimited
    package var allowSetuidMountExtfs = false
    package var maxLoopDevices = 256
    package var sharedLoopDevices = false

    // Networks
    package var allowNetUsers: [String] = []
    package var allowNetGroups: [String] = []
    package var allowNetNetworks: [String] = []
    package var allowNetnsPaths: [String] = []
    package var cniConfigurationPath = ""
    package var cniPluginPath = ""

    // Helpers and downloads
    /// Directories between colons; `$PATH:` is the caller's PATH, which a privileged helper never sees.
    package var binaryPath = "$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// Processors that compress an image; 0 for all.
    package var mksquashfsProcs = 0
    /// A size with a unit; empty for no limit.
    package var mksquashfsMemory = ""
    package var downloadConcurrency = 3
    /// In bytes.
    package var downloadPartSize = 5_242_880
    /// In bytes.
    package var downloadBufferSize = 32768

    // Cgroups and monitoring
    package var systemdCgroups = true
    package var allowMonitoring = false
    package var monitoringSocketPath = "/run/apptheus/gateway.sock"

    /// Every line of the file as it stands, for plugins that have directives of their own.
    private(set) var lines: [SettingsLine] = []
    /// The lines that are not skiff's own directives, in the order of the file.
    package private(set) var pluginLines: [PluginLine] = []

    /// The values that apply without a file.
    package init() {}

    /// Reads the text of a configuration file. Unknown directives are left to plugins.
    ///
    /// - Parameter name: of the file, for messages.
    /// - Throws: when a directive has a value that it does not take.
    package init(parsing bytes: [UInt8], name: String) throws(SkiffError) {
        lines = SettingsLine.all(in: bytes)
        var reader = SettingsReader(lines: lines, fileName: name)
        try visit(&reader)
        pluginLines = reader.others
    }

    /// Returns the values of one directive, also one that only a plugin knows; empty when the file does not have it.
    package func values(of directive: String) -> [String] {
        lines.filter { $0.name == directive }.flatMap(\.values)
    }

    /// Reads the configuration of an installation.
    ///
    /// - Parameters:
    ///   - file: another file (`--config`); this one must exist.
    ///   - buildConfiguration: no file at all, and nothing of the host but what a build needs
    ///     (Docs/spec/runtime.md §4).
    package static func load(_ installation: Installation, file: String? = nil, buildConfiguration: Bool = false)
        throws(SkiffError) -> Settings
    {
        if buildConfiguration { return forBuilds }
        let path = file ?? installation.configurationFile
        let source = ConfigurationFile(path, .administrator)
        guard let opened = try source.open() else {
            if file == nil { return Settings() }
            throw SkiffError("cannot read configuration file \(path)", errno: .noSuchFile)
        }
        let bytes = try source.read(opened.raw, limit: 1 << 20)
        let settings = try Settings(parsing: bytes, name: path)
        // A file that says nothing needs no trust; checking costs a launch of root a dozen system calls.
        if ConfigurationFile.needsTrust && !settings.saysNothing { try source.check(opened.raw) }
        return settings
    }

    /// Whether the file has only default values, and nothing for plugins but switches that are off.
    private var saysNothing: Bool {
        var values = self
        (values.lines, values.pluginLines) = ([], [])
        return pluginLines.allSatisfy(\.isSwitchedOff) && values == Settings()
    }

    /// `--build-config`.
    package static var forBuilds: Settings {
        var settings = Settings()
        settings.bindPath = []
        settings.configResolvConf = false
        settings.mountHome = false
        settings.mountDevpts = false
        return settings
    }
}
