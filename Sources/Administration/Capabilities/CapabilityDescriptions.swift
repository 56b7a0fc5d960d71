package import Core

extension Capability {
    /// Returns what a capability allows, in a line; capabilities(7).
    package static func description(of name: String) -> String { descriptions[name] ?? "" }

    private static var descriptions: [String: String] {
        [
            "CAP_CHOWN": "Make arbitrary changes to file UIDs and GIDs (see chown(2)).",
            "CAP_DAC_OVERRIDE": "Read, write and execute files whatever their permissions say.",
            "CAP_DAC_READ_SEARCH": "Read files and search directories whatever their permissions say.",
            "CAP_FOWNER": "Do to files of others what only their owner may: chmod(2), utime(2), extended attributes.",
            "CAP_FSETID": "Keep the setuid and setgid bits of files that are changed.",
            "CAP_KILL": "Send signals to processes of others (see kill(2)).",
            "CAP_SETGID": "Change the group and the supplementary groups of a process.",
            "CAP_SETUID": "Change the user of a process.",
            "CAP_SETPCAP": "Take capabilities out of the bounding set, and pass them on.",
            "CAP_LINUX_IMMUTABLE": "Set the attributes append-only and immutable of files (see chattr(1)).",
            "CAP_NET_BIND_SERVICE": "Bind sockets to ports below 1024.",
            "CAP_NET_BROADCAST": "Not used by the kernel.",
            "CAP_NET_ADMIN": "Configure interfaces, routes, firewalls and other parts of a network.",
            "CAP_NET_RAW": "Use RAW and PACKET sockets, and bind to any address for transparent proxies.",
            "CAP_IPC_LOCK": "Lock memory (see mlock(2), shmctl(2)).",
            "CAP_IPC_OWNER": "Use System V IPC objects whatever their permissions say.",
            "CAP_SYS_MODULE": "Load and unload kernel modules.",
            "CAP_SYS_RAWIO": "Access I/O ports and raw devices (see iopl(2), ioperm(2)).",
            "CAP_SYS_CHROOT": "Use chroot(2), and change mount namespaces.",
            "CAP_SYS_PTRACE": "Trace any process, and read and write its memory.",
            "CAP_SYS_PACCT": "Switch process accounting (see acct(2)).",
            "CAP_SYS_ADMIN": "Mount, and administer the machine in many other ways.",
            "CAP_SYS_BOOT": "Restart the machine, and load another kernel (see reboot(2), kexec_load(2)).",
            "CAP_SYS_NICE": "Raise priorities, and change scheduling and affinity of any process.",
            "CAP_SYS_RESOURCE": "Go beyond limits of resources and quotas.",
            "CAP_SYS_TIME": "Set the clocks of the machine.",
            "CAP_SYS_TTY_CONFIG": "Use vhangup(2), and configure virtual terminals.",
            "CAP_MKNOD": "Make device nodes (see mknod(2)).",
            "CAP_LEASE": "Take leases on any file (see fcntl(2)).",
            "CAP_AUDIT_WRITE": "Write to the kernel's audit log.",
            "CAP_AUDIT_CONTROL": "Switch auditing, and change its rules.",
            "CAP_SETFCAP": "Set capabilities of files.",
            "CAP_MAC_OVERRIDE": "Override mandatory access control of Smack.",
            "CAP_MAC_ADMIN": "Configure mandatory access control of Smack.",
            "CAP_SYSLOG": "Read and clear the kernel's log, and see kernel addresses (see syslog(2)).",
            "CAP_WAKE_ALARM": "Set timers that wake the machine.",
            "CAP_BLOCK_SUSPEND": "Keep the machine from being suspended.",
            "CAP_AUDIT_READ": "Read the kernel's audit log.",
            "CAP_PERFMON": "Observe performance of the whole machine (see perf_event_open(2)).",
            "CAP_BPF": "Use privileged operations of bpf(2).",
            "CAP_CHECKPOINT_RESTORE": "Do what saving and restoring processes needs.",
        ]
    }
}
