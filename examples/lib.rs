//! Small programs that embed agentmon. Each file in this folder is one.
