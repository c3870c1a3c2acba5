using System.Diagnostics;

namespace Net.Node.Demo;

/// <summary>SIGTERM for a child, which the base library has no call for.</summary>
internal static class Signals
{
    /// <returns>False where there are no signals, or the process is gone.</returns>
    public static bool TryTerminate(int process)
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        try
        {
            using Process kill = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"kill -TERM {process}"]) { UseShellExecute = false })!;
            kill.WaitForExit();
            return kill.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
