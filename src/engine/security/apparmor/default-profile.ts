/** The name under which the runtime's default profile is loaded into the kernel. */
export const DEFAULT_APPARMOR_PROFILE = 'davit-default';

/**
 * The profile of a container that asks for the runtime's default, in the language of apparmor_parser. It needs no file
 * beside itself. What it does not name is refused, mounts above all; a `deny` goes before what the rules above it give.
 * Pure.
 */
export function defaultAppArmorProfile(name: string = DEFAULT_APPARMOR_PROFILE): string {
  return `profile ${name} flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  umount,

  # From whoever runs containers, which may have a profile of its own, and among containers.
  signal (receive) peer=unconfined,
  signal (receive) peer={runc,crun},
  signal (send, receive) peer=${name},
  ptrace (trace, read, tracedby, readby) peer=${name},

  # The kernel's cryptography and the hypervisor, by whichever system call.
  deny network alg,
  deny network vsock,

  # The kernel's own files. A process may write to its folder, and to what its namespaces keep apart: /proc/sys/net, and
  # the limits of System V's shared memory, messages and semaphores.
  deny /proc/* wkl,
  deny /proc/{kcore,kmem,mem} rwklx,
  deny /proc/{[^1-9s]*,s[^y]*,sy[^s]*,sys?*}/** wkl,
  deny /proc/sys/{[^kn]*,k[^e]*,n[^e]*}/** wkl,
  deny /proc/sys/* wkl,
  deny /proc/sys/kernel/{[^ms]*,m[^s]*,ms[^g]*,s[^eh]*,se[^m]*,sh[^m]*} wkl,
  deny /proc/sys/kernel/*/** wkl,

  # Devices, modules and firmware; cgroups have their own rules.
  deny /sys/{[^f]*,f[^s]*}/** wkl,
  deny /sys/fs/{[^c]*,c[^g]*}/** wkl,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
`;
}
