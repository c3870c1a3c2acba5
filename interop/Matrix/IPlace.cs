using System.Net;
using Interop.Processes;

namespace Interop.Matrix;

/// <summary>Where a program of a cell runs: on this machine as it is, or in a network namespace of the cell's own.</summary>
internal interface IPlace
{
    /// <summary>The address that the place is reached by.</summary>
    IPAddress Address { get; }

    Child Start(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment);

    /// <summary>A UDP port of this place that nobody uses.</summary>
    int FreePort();
}
