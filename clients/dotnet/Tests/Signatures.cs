using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

/// <summary>The public members of a class, spelt as in its README.</summary>
internal static class Signatures
{
    internal static List<string> Of(Type type)
    {
        const BindingFlags flags = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var events = type.GetEvents(flags).Select(told => "static event " + Name(told.EventHandlerType) + " " + told.Name);
        var properties = type.GetProperties(flags).Select(property => Static(property.GetGetMethod()) + Name(property.PropertyType) + " " + property.Name);
        var methods = type.GetMethods(flags).Where(method => !method.IsSpecialName).Select(Signature);
        return events.Concat(properties).Concat(methods).ToList();
    }

    private static string Static(MethodInfo method)
    {
        return method.IsStatic ? "static " : "";
    }

    private static string Signature(MethodInfo method)
    {
        var parameters = method.GetParameters().Select(parameter => Name(parameter.ParameterType) + " " + parameter.Name + Default(parameter));
        return Static(method) + Name(method.ReturnType) + " " + method.Name + "(" + string.Join(", ", parameters) + ")";
    }

    private static string Default(ParameterInfo parameter)
    {
        if (!parameter.IsOptional) return "";
        return " = " + (parameter.DefaultValue ?? "null").ToString().Replace("True", "true").Replace("False", "false");
    }

    private static string Name(Type type)
    {
        var bare = Nullable.GetUnderlyingType(type);
        if (bare != null) return Name(bare) + "?";
        if (type.IsGenericType)
            return type.Name.Split('`')[0] + "<" + string.Join(", ", type.GetGenericArguments().Select(Name)) + ">";
        switch (type.Name)
        {
            case "String": return "string";
            case "Object": return "object";
            case "Int32": return "int";
            case "Int64": return "long";
            case "Boolean": return "bool";
            case "Void": return "void";
            default: return type.Name;
        }
    }
}
