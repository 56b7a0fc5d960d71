import Base

/// A value of a fixed set of words.
protocol SettingsWord: RawRepresentable, CaseIterable where RawValue == String {}

extension Settings.Device: SettingsWord {}
extension Settings.Overlay: SettingsWord {}
extension Settings.Underlay: SettingsWord {}
extension Settings.RootCapabilities: SettingsWord {}
extension Settings.MemoryFilesystem: SettingsWord {}
extension Settings.SetuidSquashfs: SettingsWord {}

/// Something that is done to every directive: reading it from a file, writing it to one.
protocol SettingsVisitor {
    mutating func section(_ title: String)
    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) throws(SkiffError)
    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) throws(SkiffError)
    mutating func number(_ name: String, _ value: inout Int, _ comment: String) throws(SkiffError)
    mutating func text(_ name: String, _ value: inout String, _ comment: String) throws(SkiffError)
    mutating func list(_ name: String, _ value: inout [String], _ comment: String) throws(SkiffError)
}

/// The one table of directives: names, kinds and what the file says about them.
extension Settings {
    mutating func visit(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        try visitNamespaces(&visitor)
        try visitMounts(&visitor)
        try visitImages(&visitor)
        try visitPrivileges(&visitor)
        try visitNetworks(&visitor)
        try visitHelpers(&visitor)
    }

    private mutating func visitNamespaces(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Namespaces: no refuses what users ask for")
        try visitor.flag("allow pid ns", &allowPIDNamespace, "--pid")
        try visitor.flag("allow ipc ns", &allowIPCNamespace, "--ipc")
        try visitor.flag("allow uts ns", &allowUTSNamespace, "--uts and --hostname")
        try visitor.flag("allow user ns", &allowUserNamespace, "--userns; users without privileges need it always")
    }

    private mutating func visitMounts(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Files made for the container")
        try visitor.flag("config passwd", &configPasswd, "add the user to /etc/passwd")
        try visitor.flag("config group", &configGroup, "add the user's groups to /etc/group")
        try visitor.flag("config resolv_conf", &configResolvConf, "show the host's /etc/resolv.conf")
        visitor.section("Mounts")
        try visitor.flag("mount proc", &mountProc, "/proc")
        try visitor.flag("mount sys", &mountSys, "/sys")
        try visitor.word("mount dev", &mountDev, "/dev: yes shows the host's, minimal makes one with few devices")
        try visitor.flag("mount devpts", &mountDevpts, "own terminals in a minimal /dev")
        try visitor.flag("mount home", &mountHome, "the home directory of the user")
        try visitor.flag("mount tmp", &mountTmp, "/tmp and /var/tmp of the host")
        try visitor.flag("mount hostfs", &mountHostfs, "every file system of the host")
        try visitor.list("bind path", &bindPath, "paths of the host shown in every container, src[:dst]")
        try visitor.flag("user bind control", &userBindControl, "users may bind, choose a home and scratch directories")
        try visitor.flag(
            "shadow notice", &shadowNotice,
            "tell users at a terminal which variables and files of theirs go before the image's")
        try visitor.flag("enable fusemount", &enableFusemount, "users may mount FUSE file systems")
        try visitor.word(
            "enable overlay", &enableOverlay, "overlay file systems; driver uses a program in place of the kernel")
        try visitor.word(
            "enable underlay", &enableUnderlay, "missing mount points by bind mounts; preferred before an overlay")
        try visitor.flag("mount slave", &mountSlave, "later mounts of the host appear in containers")
        try visitor.number("sessiondir max size", &sessionSizeMiB, "MiB for what a container writes to its session")
        try visitor.word(
            "memory fs type", &memoryFilesystem, "of the session and /dev/shm: tmpfs, or ramfs, which has no limit")
    }

    private mutating func visitImages(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Images that may run")
        try visitor.flag("allow container sif", &allowContainerSIF, "SIF files")
        try visitor.flag("allow container encrypted", &allowContainerEncrypted, "encrypted SIF files")
        try visitor.flag("allow container squashfs", &allowContainerSquashfs, "bare squashfs files")
        try visitor.flag("allow container extfs", &allowContainerExtfs, "bare ext3 files")
        try visitor.flag("allow container dir", &allowContainerDirectory, "directories")
        try visitor.list(
            "limit container owners", &limitContainerOwners, "only images of these users, for all but root")
        try visitor.list(
            "limit container groups", &limitContainerGroups, "only images of these groups, for all but root")
        try visitor.list(
            "limit container paths", &limitContainerPaths, "only images below these paths, for all but root")
        try visitor.text("image driver", &imageDriver, "the plugin that mounts images in place of skiff")
        try visitor.flag("allow kernel squashfs", &allowKernelSquashfs, "root's squashfs by the kernel")
        try visitor.flag("allow kernel extfs", &allowKernelExtfs, "root's ext3 by the kernel")
        try visitor.flag("sync writable extfs", &syncWritableExtfs, "mount writable ext3 files with the option sync")
    }

    private mutating func visitPrivileges(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Privileges")
        try visitor.word("root default capabilities", &rootCapabilities, "of root: full, file (as configured) or no")
        try visitor.text(
            "seccomp profile", &seccompProfile,
            "system calls of all programs are filtered: default for the profile that lies here, or a path")
        try visitor.flag("allow setuid", &allowSetuid, "a setuid helper, which skiff does not have")
        try visitor.flag("allow setuid-mount encrypted", &allowSetuidMountEncrypted, "encrypted images by that helper")
        try visitor.word(
            "allow setuid-mount squashfs", &allowSetuidMountSquashfs,
            "squashfs by that helper; iflimited when a limit above is set")
        try visitor.flag("allow setuid-mount extfs", &allowSetuidMountExtfs, "ext3 by that helper")
        try visitor.number(
            "max loop devices", &maxLoopDevices, "the numbers of loop devices that images of root may take")
        try visitor.flag("shared loop devices", &sharedLoopDevices, "one loop device for all users of an image")
    }

    private mutating func visitNetworks(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Networks")
        try visitor.list(
            "allow net users", &allowNetUsers, "users who may use networks; without users and groups, all may")
        try visitor.list("allow net groups", &allowNetGroups, "groups who may")
        try visitor.list("allow net networks", &allowNetNetworks, "the networks that users may use; empty for all")
        try visitor.list("allow netns paths", &allowNetnsPaths, "network namespaces that they may join")
        try visitor.text("cni configuration path", &cniConfigurationPath, "where networks are described")
        try visitor.text("cni plugin path", &cniPluginPath, "where the programs of CNI are")
    }

    private mutating func visitHelpers(_ visitor: inout some SettingsVisitor) throws(SkiffError) {
        visitor.section("Programs, builds and downloads")
        try visitor.text(
            "binary path", &binaryPath, "where helper programs are looked for; $PATH: is the user's own path")
        try visitor.number("mksquashfs procs", &mksquashfsProcs, "processors that compress an image, 0 for all")
        try visitor.text("mksquashfs mem", &mksquashfsMemory, "memory for that, 1G say")
        try visitor.number("download concurrency", &downloadConcurrency, "parts of one file at a time")
        try visitor.number("download part size", &downloadPartSize, "bytes")
        try visitor.number("download buffer size", &downloadBufferSize, "bytes")
        visitor.section("Cgroups and monitoring")
        try visitor.flag("systemd cgroups", &systemdCgroups, "cgroups by systemd")
        try visitor.flag("allow monitoring", &allowMonitoring, "report to the socket below")
        try visitor.text("apptheus communication socket path", &monitoringSocketPath, "of the monitor")
    }
}
