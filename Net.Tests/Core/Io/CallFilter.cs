using System.Runtime.InteropServices;
using Processor = System.Runtime.InteropServices.Architecture;

namespace Net.Tests.Core.Io;

/// <summary>What a sandbox does to a process, done to one thread, whose end is the filter's too (seccomp(2)).</summary>
internal static unsafe partial class CallFilter
{
    private const int SetNoNewPrivileges = 38, SetSeccomp = 22, ModeFilter = 2;
    private const ushort LoadWord = 0x20, JumpIfEqual = 0x15, Return = 0x06;
    private const uint Allow = 0x7FFF0000, Fail = 0x00050000;

    /// <summary>From now on recvmmsg fails on this thread. Let it be a thread of its own that starts nothing.</summary>
    /// <param name="error">The system's number.</param>
    /// <returns>False when that is not possible here.</returns>
    public static bool TryForbidReceivingMany(int error)
    {
        uint call = RuntimeInformation.ProcessArchitecture switch { Processor.X64 => 299, Processor.Arm64 => 243, _ => 0 };
        if (!OperatingSystem.IsLinux() || call == 0)
        {
            return false;
        }

        Instruction* filter = stackalloc Instruction[]
        {
            // The number of the call comes first in what a filter sees.
            new(LoadWord, 0, 0, 0),
            new(JumpIfEqual, 0, 1, call),
            new(Return, 0, 0, Fail | (uint)error),
            new(Return, 0, 0, Allow),
        };
        Program program = new() { Length = 4, Filter = filter };
        return Control(SetNoNewPrivileges, 1, null, 0, 0) == 0 && Control(SetSeccomp, ModeFilter, &program, 0, 0) == 0;
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint value, void* pointer, nuint third, nuint fourth);

    /// <summary>struct sock_filter.</summary>
    private readonly record struct Instruction(ushort Code, byte Then, byte Otherwise, uint Operand);

    /// <summary>struct sock_fprog.</summary>
    private struct Program
    {
        public ushort Length;
        public Instruction* Filter;
    }
}
