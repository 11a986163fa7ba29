# Gives the targets ltlm::ltlm, the shared library, and ltlm::static.
#
#     find_package(ltlm CONFIG REQUIRED)
#     target_link_libraries(app PRIVATE ltlm::ltlm)
get_filename_component(_ltlm_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_package(Threads REQUIRED)

if(NOT TARGET ltlm::ltlm)
  add_library(ltlm::ltlm SHARED IMPORTED)
  set_target_properties(ltlm::ltlm PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_ltlm_prefix}/include")
  if(WIN32)
    set_target_properties(ltlm::ltlm PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/bin/ltlm.dll"
      IMPORTED_IMPLIB "${_ltlm_prefix}/lib/ltlm.dll.lib")
  elseif(APPLE)
    set_target_properties(ltlm::ltlm PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/lib/libltlm.dylib" IMPORTED_SONAME "@rpath/libltlm.dylib")
  else()
    set_target_properties(ltlm::ltlm PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/lib/libltlm.so" IMPORTED_SONAME "libltlm.so")
  endif()
endif()

if(NOT TARGET ltlm::static)
  add_library(ltlm::static STATIC IMPORTED)
  set_target_properties(ltlm::static PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_ltlm_prefix}/include")
  if(WIN32)
    set_target_properties(ltlm::static PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/lib/ltlm.lib"
      INTERFACE_LINK_LIBRARIES "ws2_32;userenv;ntdll;crypt32;bcrypt;advapi32")
  elseif(APPLE)
    set_target_properties(ltlm::static PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/lib/libltlm.a"
      INTERFACE_LINK_LIBRARIES "-framework Security;-framework CoreFoundation;Threads::Threads")
  else()
    set_target_properties(ltlm::static PROPERTIES
      IMPORTED_LOCATION "${_ltlm_prefix}/lib/libltlm.a"
      INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m;rt;util;gcc_s")
  endif()
endif()
